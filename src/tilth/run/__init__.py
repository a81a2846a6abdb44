"""Plugins, plan, runner, compute."""
