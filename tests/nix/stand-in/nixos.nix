# The options of NixOS that the module writes to or reads, declared anew with the types they have there, and
# what NixOS itself makes of them where the two meet.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  proxy = config.networking.proxy;

  service.options = {
    environment = option (types.attrsOf (types.nullOr types.str)) { };
    restartTriggers = option (types.listOf types.anything) [ ];
  };
in
{
  options = {
    assertions = option (types.listOf types.anything) [ ];
    warnings = option (types.listOf types.str) [ ];
    environment.etc = option (types.attrsOf (types.submodule { options.source = mkOption { type = types.path; }; })) { };
    environment.sessionVariables = option (types.attrsOf types.str) { };
    networking.proxy = {
      default = option (types.nullOr types.str) null;
      httpProxy = option (types.nullOr types.str) proxy.default;
      httpsProxy = option (types.nullOr types.str) proxy.default;
      noProxy = option (types.nullOr types.str) null;
      envVars = option (types.attrsOf types.str) { };
    };
    nix.enable = option types.bool true;
    security.pki.certificateFiles = option (types.listOf types.path) [ ];
    services.openssh.enable = option types.bool false;
    services.openssh.settings = option (types.attrsOf (types.oneOf [ types.bool types.int types.str ])) { };
    systemd.services = option (types.attrsOf (types.submodule service)) { };
  };

  config = {
    networking.proxy.envVars =
      lib.optionalAttrs (proxy.httpProxy != null) { http_proxy = proxy.httpProxy; }
      // lib.optionalAttrs (proxy.httpsProxy != null) { https_proxy = proxy.httpsProxy; }
      // lib.optionalAttrs (proxy.noProxy != null) { no_proxy = proxy.noProxy; };
    environment.sessionVariables = proxy.envVars;
    services.openssh.settings.GatewayPorts = lib.mkDefault "no";
    # The daemon's bundle is named by its place in the store: a definition that must not meet another.
    systemd.services.nix-daemon = lib.mkIf config.nix.enable {
      environment = { CURL_CA_BUNDLE = "/nix/store/00000000000000000000000000000000-bundle.crt"; } // proxy.envVars;
    };
  };
}
