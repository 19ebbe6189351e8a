"""The web application: pages, service and figures over the store."""
