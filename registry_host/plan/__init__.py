"""What a run would change, as data: changes, the ledger, merging and its reverse."""
