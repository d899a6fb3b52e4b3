"""The custom data of an instance: `bootstrap.sh` and the configuration, rendered for cloud-init."""
