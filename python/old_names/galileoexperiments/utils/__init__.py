"""Pods, gateways, profiles: for experiments, and for controllers that run beside them."""
