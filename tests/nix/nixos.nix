# The module for the VM in a real NixOS, whose variables must be those of the golden file, and more.
{ nixpkgs, pkgs }:

let
  inherit (pkgs) lib;
  machine = nixpkgs.lib.nixosSystem {
    inherit (pkgs.stdenv.hostPlatform) system;
    modules = [
      ../../nix/nixos-module.nix
      {
        boot.isContainer = true;
        system.stateVersion = lib.trivial.release;
        services.openssh.enable = true;
        services.secret-proxy-client.enable = true;
        services.secret-proxy-client.caFile = ./stand-in/ca.pem;
      }
    ];
  };
  inherit (machine) config;

  golden = builtins.fromJSON (builtins.readFile ./golden/nixos-default.json);
  of = golden: lib.getAttrs (lib.attrNames golden);
  failed = lib.filter (it: !it.assertion && lib.hasInfix "secret-proxy" it.message) config.assertions;
in
assert failed == [ ];
assert of golden.variables config.environment.sessionVariables == golden.variables;
assert config.services.openssh.settings.ClientAliveInterval == 15;
assert config.systemd.services.nix-daemon.environment ? HTTPS_PROXY;
assert config.systemd.services.nix-daemon.environment ? https_proxy;
pkgs.writeText "secret-proxy-nixos" (builtins.toJSON config.environment.sessionVariables)
