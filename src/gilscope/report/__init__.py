"""Drawing results: from data alone, so that a file from another machine draws anywhere."""
