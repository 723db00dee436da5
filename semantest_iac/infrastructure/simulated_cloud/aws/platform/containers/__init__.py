"""Types of services that run containers: ECS, their images, load balancers, names and scaling."""
