"""The ledger: what became of every match and every push.  Nothing here begins or commits a transaction."""
