"""Static sites on S3 behind CloudFront, with their firewall, certificate and DNS."""
