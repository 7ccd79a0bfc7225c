# The options of home-manager that the module writes to or reads, declared anew with the types they have there.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  agent =
    { name, ... }:
    {
      options = {
        enable = option types.bool false;
        config = option (types.submodule ./launchd-keys.nix) { };
      };
      config.config.Label = lib.mkDefault "org.nix-community.home.${name}";
    };

  word = types.oneOf [ types.bool types.int types.str types.path ];
  units = types.attrsOf (types.attrsOf (types.attrsOf (types.either word (types.listOf word))));
in
{
  options = {
    assertions = option (types.listOf types.anything) [ ];
    warnings = option (types.listOf types.str) [ ];
    home.username = option types.str "me";
    home.homeDirectory = option types.path "/home/me";
    home.packages = option (types.listOf types.package) [ ];
    home.sessionVariables = option (types.attrsOf types.str) { };
    home.activation = option (types.attrsOf types.anything) { };
    xdg.configHome = option types.path "${config.home.homeDirectory}/.config";
    launchd.agents = option (types.attrsOf (types.submodule agent)) { };
    systemd.user.services = option units { };
    systemd.user.sockets = option units { };
  };
}
