"""What delivers static sites on Azure: Static Web Apps, Front Door with its firewall, and DNS."""
