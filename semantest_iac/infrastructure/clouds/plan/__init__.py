"""Where a cloud deploys something else than the plan of the platform says, with the reason and its source."""
