# The launchd agents, for the nix-darwin and the home-manager module: for each its command and its keys.
# launchd/README.md has the reason for each key; a test compares them with the templates there.
{
  lib,
  cfg,
  commands,
}:

let
  # Each client connection may have one upstream; some are kept for files.
  files = if cfg.maxSessions == null then 10240 else lib.max 10240 (2 * cfg.maxSessions + 128);

  limits = {
    Core = 0;
    NumberOfFiles = files;
  };

  common = {
    RunAtLoad = true;
    ExitTimeOut = 15;
    ProcessType = "Interactive";
    LimitLoadToSessionType = "Aqua";
    Umask = 63;
    SoftResourceLimits = limits;
    HardResourceLimits = limits;
  };

  sockets = {
    tcp = {
      SockFamily = "IPv4";
      SockNodeName = "127.0.0.1";
      SockServiceName = toString cfg.port;
    };
    unix = {
      SockPathMode = 384;
      SockPathName = "${cfg.dir}/proxy.sock";
    };
  };
in
{
  secret-proxy = {
    command = commands.run;
    keys =
      common
      // {
        KeepAlive.SuccessfulExit = false;
        ThrottleInterval = 30;
        StandardOutPath = cfg.stdoutPath;
        StandardErrorPath = cfg.stderrPath;
      }
      // lib.optionalAttrs cfg.socketActivation { Sockets = sockets; };
  };
}
// lib.mapAttrs' (
  name: command:
  lib.nameValuePair "secret-proxy-tunnel.${name}" {
    inherit command;
    keys = common // {
      EnvironmentVariables = commands.tunnelEnvironment;
      KeepAlive = true;
      ThrottleInterval = 10;
      AbandonProcessGroup = false;
      StandardOutPath = "/dev/null";
      StandardErrorPath = "${cfg.dir}/tunnel-${name}.err";
    };
  }
) commands.tunnels
