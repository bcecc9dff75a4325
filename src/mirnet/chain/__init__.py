"""Every step from data to inference, each with figures that must stay within their bounds."""
