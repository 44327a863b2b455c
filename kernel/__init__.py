"""What every room stands on; knows no hospital nouns."""
