"""Pages and figures over what the store holds."""
