"""Outside input to requests, results to text or HTTP. No decisions."""
