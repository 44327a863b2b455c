"""N callers, K places, exactly K winners; afterwards every book is compared with every other."""
