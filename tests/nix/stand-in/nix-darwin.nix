# The options of nix-darwin that the module writes to or reads, declared anew with the types they have there.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  agent =
    { config, name, ... }:
    {
      options = {
        command = option (types.either types.str types.path) "";
        serviceConfig = option (types.submodule ./launchd-keys.nix) { };
      };
      config.serviceConfig = {
        Label = lib.mkDefault "org.nixos.${name}";
        ProgramArguments = lib.mkIf (config.command != "") [
          "/bin/sh"
          "-c"
          "/bin/wait4path /nix/store && exec ${config.command}"
        ];
      };
    };
in
{
  options = {
    assertions = option (types.listOf types.anything) [ ];
    warnings = option (types.listOf types.str) [ ];
    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.variables = option (types.attrsOf types.str) { };
    launchd.user.agents = option (types.attrsOf (types.submodule agent)) { };
    system.primaryUser = option (types.nullOr types.str) null;
    system.activationScripts = option (types.attrsOf (types.submodule { options.text = option types.lines ""; })) { };
    users.users = option (types.attrsOf (types.submodule { options.home = option (types.nullOr types.path) null; })) { };
  };

  config.system.activationScripts.extraActivation.text = lib.mkDefault "";
}
