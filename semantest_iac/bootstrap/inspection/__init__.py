"""What an application says about the home, this machine, and what deployments need, without deploying anything."""
