"""What every source shares: the contract, the web, and strict readers."""
