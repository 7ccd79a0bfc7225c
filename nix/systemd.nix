# The systemd user units, in home-manager's form. systemd/README.md has the reason for each setting; a test
# compares them with the templates there.
{
  lib,
  pkgs,
  cfg,
  commands,
}:

let
  # As an argument or a variable in double quotes; `$` means something in arguments only.
  escaped = lib.replaceStrings [ "\\" "\"" "%" "\n" ] [ "\\\\" "\\\"" "%%" "\\n" ];
  variable = name: value: "\"${name}=${escaped value}\"";
  argument = text: "\"${lib.replaceStrings [ "$" ] [ "$$" ] (escaped text)}\"";
  command = lib.concatMapStringsSep " " argument;

  # For files and names, where nothing is quoted.
  bare = lib.replaceStrings [ "%" ] [ "%%" ];
in
{
  services = {
    secret-proxy = {
      Unit.Description = "secret-proxy: injects secrets into HTTP requests, each only for the hosts you allow";
      Service = {
        Type = "notify";
        ExecStart = command commands.run;
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        Restart = "on-failure";
        RestartSec = 5;
        RestartPreventExitStatus = 2;
        TimeoutStopSec = 15;
        UMask = "0077";
        LimitCORE = 0;
        NoNewPrivileges = "yes";
        LockPersonality = "yes";
        MemoryDenyWriteExecute = "yes";
        RestrictAddressFamilies = "AF_UNIX AF_INET AF_INET6 AF_NETLINK";
        RestrictNamespaces = "yes";
        RestrictRealtime = "yes";
        RestrictSUIDSGID = "yes";
        SystemCallArchitectures = "native";
        SystemCallErrorNumber = "EPERM";
        SystemCallFilter = "@system-service";
      };
      Install.WantedBy = [ "default.target" ];
    };
  }
  // lib.mapAttrs' (
    name: way:
    lib.nameValuePair "secret-proxy-tunnel@${name}" {
      Unit.Description = "secret-proxy: the tunnel into ${name}";
      Unit.After = [ "secret-proxy.service" ];
      Service = {
        Type = "exec";
        ExecStart = command way;
        Environment = lib.mapAttrsToList variable commands.tunnelEnvironment;
        Restart = "always";
        RestartSec = 10;
        TimeoutStopSec = 15;
        UMask = "0077";
        LimitCORE = 0;
        LimitNOFILE = 10240;
        NoNewPrivileges = "yes";
      };
      Install.WantedBy = [ "default.target" ];
    }
  ) commands.tunnels;

  sockets = lib.optionalAttrs cfg.socketActivation {
    secret-proxy = {
      Unit.Description = "secret-proxy: its port and socket, held while the proxy restarts";
      Socket = {
        ListenStream = [
          "127.0.0.1:${toString cfg.port}"
          "${bare cfg.dir}/proxy.sock"
        ];
        SocketMode = "0600";
        DirectoryMode = "0700";
      };
      Install.WantedBy = [ "sockets.target" ];
    };
  };
}
