"""The parent's side: the Provisioner port, the supervisor of the workers, and what a worker's last message means.

Nothing here imports Pulumi."""
