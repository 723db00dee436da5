"""What delivers static sites on AWS: CloudFront, its firewall, certificates and DNS."""
