# The keys of a launchd agent that nix-darwin and home-manager declare, as far as they are used here. Any
# other key, or another type, is an error, as it is there.
{ lib, ... }:

let
  inherit (lib) types;
  key =
    type:
    lib.mkOption {
      type = types.nullOr type;
      default = null;
    };
  keys = set: types.submodule { options = lib.mapAttrs (_: key) set; };

  limits = keys {
    Core = types.int;
    NumberOfFiles = types.int;
  };
in
{
  options = lib.mapAttrs (_: key) {
    Label = types.str;
    ProgramArguments = types.listOf types.str;
    EnvironmentVariables = types.attrsOf types.str;
    RunAtLoad = types.bool;
    KeepAlive = types.either types.bool (keys { SuccessfulExit = types.bool; });
    ThrottleInterval = types.int;
    ExitTimeOut = types.int;
    ProcessType = types.enum [ "Background" "Standard" "Adaptive" "Interactive" ];
    LimitLoadToSessionType = types.either types.str (types.listOf types.str);
    AbandonProcessGroup = types.bool;
    Umask = types.int;
    SoftResourceLimits = limits;
    HardResourceLimits = limits;
    StandardOutPath = types.path;
    StandardErrorPath = types.path;
    Sockets = types.attrsOf (keys {
      SockFamily = types.enum [ "IPv4" "IPv6" ];
      SockNodeName = types.str;
      SockServiceName = types.str;
      SockPathMode = types.int;
      SockPathName = types.path;
    });
  };
}
