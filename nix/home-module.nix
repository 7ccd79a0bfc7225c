# home-manager: the proxy and its tunnels as launchd agents on macOS, as systemd user units on Linux.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.secret-proxy;
  inherit (pkgs.stdenv.hostPlatform) isDarwin isLinux;

  options = import ./options.nix {
    inherit lib pkgs cfg;
    user = config.home.username;
    home = config.home.homeDirectory;
    inherit (config.xdg) configHome;
    configHomeText = "\${config.xdg.configHome}";
  };

  commands = import ./commands.nix { inherit lib cfg options; };
  agents = import ./launchd.nix { inherit lib cfg commands; };
  units = import ./systemd.nix {
    inherit
      lib
      pkgs
      cfg
      commands
      ;
  };
in
{
  options.services.secret-proxy = options;

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        inherit (commands) assertions;

        home.packages = [ cfg.package ];
        home.sessionVariables = commands.sessionVariables;
      }

      (lib.mkIf isDarwin {
        # launchd opens the files of an agent before the agent runs.
        home.activation.secretProxyFolder =
          lib.hm.dag.entryBetween [ "setupLaunchAgents" ] [ "writeBoundary" ]
            ''
              run mkdir -p -m 700 ${lib.escapeShellArg cfg.dir}
            '';

        # home-manager wraps the command so that it waits for the store to be mounted.
        launchd.agents = lib.mapAttrs (_: agent: {
          enable = true;
          config = agent.keys // {
            ProgramArguments = agent.command;
          };
        }) agents;
      })

      (lib.mkIf isLinux {
        systemd.user = {
          inherit (units) services sockets;
        };
      })
    ]
  );
}
