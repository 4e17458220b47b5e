"""Who held the GIL, who waited for it, and who ran without it: exactly where the ledger works, else by sampling."""
