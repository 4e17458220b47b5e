"""The method: arms timed in balanced rounds until their ratios are known. It knows no kernel, no strategy, no GIL."""
