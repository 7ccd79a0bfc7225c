# The settings of the proxy and its tunnels, as options. The nix-darwin and the home-manager module share them.
{
  lib,
  pkgs,
  cfg,
  # Whose proxy it is: name, home folder, and folder of settings, as in the manual too.
  user,
  home,
  configHome,
  configHomeText,
}:

let
  inherit (lib) mkOption types;

  # Unset means: whatever settings.env says, else the program's default.
  setting =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };
  entries =
    example: description:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      inherit example description;
    };

  duration = types.either types.ints.unsigned (types.strMatching "[0-9][0-9a-z ]*");
  absolute = types.strMatching "/.*";
  instance = types.strMatching "[A-Za-z0-9][A-Za-z0-9._-]*";
in
{
  enable = lib.mkEnableOption "secret-proxy, which puts secrets into requests on their way to the hosts they are listed for";

  package = mkOption {
    type = types.package;
    default = pkgs.callPackage ./package.nix { };
    defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
    description = "The program.";
  };

  dir = mkOption {
    type = absolute;
    default = "${configHome}/secret-proxy";
    defaultText = lib.literalExpression ''"${configHomeText}/secret-proxy"'';
    description = "Folder of the secrets, settings, CA and logs. It is made with mode 0700.";
  };

  port = mkOption {
    type = types.port;
    default = 17329;
    description = "Port on 127.0.0.1, here and in the VMs.";
  };

  listen = mkOption {
    type = types.listOf types.str;
    default = lib.optionals (cfg.port != 17329) [
      "127.0.0.1:${toString cfg.port}"
      "unix:proxy.sock"
    ];
    defaultText = lib.literalMD "127.0.0.1 with `port`, and the socket `proxy.sock` in `dir`";
    example = [
      "127.0.0.1:17329"
      "unix:proxy.sock"
    ];
    description = "Addresses to listen on: ADDRESS:PORT or unix:PATH. Empty: those of settings.env, else the default.";
  };

  listenAnywhere = setting types.bool "Allow addresses in `listen` that other machines can reach.";

  secrets = setting types.str ''
    The secrets file, or the pipe that 1Password mounts; `secrets.env` in `dir` if unset. A text and never
    a path of Nix, which would be copied to where everybody may read it.
  '';

  secretsTtl = setting duration "How long a read of the secrets is used; 0 reads for every request.";

  approvalWait = setting duration "How long the pipe is held open for an approval after the last request that needs it.";

  notify = setting types.bool "Tell on the screen, once, that requests wait for locked secrets (macOS).";

  upstreamCa = setting types.path "PEM roots trusted for upstream servers besides the system's.";

  upstreamProxy = setting types.str "HTTP proxy that upstream connections go through.";

  allowNet = entries [ "127.0.0.0/8" ] "Networks that may be dialled although they are denied.";

  denyPrivate = setting types.bool "Do not dial private networks.";

  passthrough = entries [ "pinned.example.com" ] "Hosts that are tunnelled without interception.";

  intercept = setting (types.enum [
    "all"
    "listed"
  ]) "What is intercepted: all, or only hosts that some secret lists.";

  resolve = entries [ "git.example.com:443:10.0.0.7" ] "NAME:PORT:ADDRESS entries that answer before the system's resolver.";

  auditSync = setting (types.enum [
    "write"
    "interval"
    "always"
  ]) "When a record counts as written.";

  auditBytes = setting (types.either types.ints.positive types.str) "From which length on audit.log is moved aside, such as 64MiB.";

  auditKeep = setting (types.either types.ints.positive (types.enum [ "all" ])) "How many files that were moved aside are kept.";

  maxSessions = setting (types.ints.between 1 1000000) "Client connections at a time.";

  workers = setting (types.ints.between 1 1024) "Threads that serve requests.";

  log = setting types.str "What proxy.log holds, as a tracing filter.";

  socketActivation = mkOption {
    type = types.bool;
    default = false;
    description = "Let launchd or systemd hold the port and the socket, so that they are never free for another process.";
  };

  stdoutPath = mkOption {
    type = absolute;
    default = "/dev/null";
    description = "Where launchd writes what the proxy prints; proxy.log holds the same and more.";
  };

  stderrPath = mkOption {
    type = absolute;
    default = "${cfg.dir}/proxy.err";
    defaultText = lib.literalMD "`proxy.err` in `dir`";
    description = "Where launchd writes what the proxy complains of before its log is open.";
  };

  limaInstances = mkOption {
    type = types.listOf instance;
    default = [ ];
    example = [ "default" ];
    description = "Lima VMs to keep a tunnel into.";
  };

  sshTunnels = mkOption {
    type = types.attrsOf (
      types.submodule {
        options = {
          sshConfig = mkOption {
            type = absolute;
            description = "ssh_config file that tells how the VM is reached.";
          };
          host = mkOption {
            type = types.str;
            description = "The VM's Host in that file.";
          };
        };
      }
    );
    default = { };
    example = {
      build.sshConfig = "/Users/me/.ssh/config";
      build.host = "build-vm";
    };
    description = "VMs that are not Lima's, to keep a tunnel into.";
  };

  tunnelMode = mkOption {
    type = types.enum [
      "dedicated"
      "shared"
    ];
    default = "dedicated";
    description = "An ssh connection of the tunnel's own, or Lima's control connection.";
  };

  tunnelTarget = mkOption {
    type = types.enum [
      "socket"
      "port"
    ];
    default = "socket";
    description = "Where a tunnel ends on this side: the Unix socket, or the port.";
  };

  tunnelPath = mkOption {
    type = types.listOf types.str;
    default = [
      "/opt/homebrew/bin"
      "/usr/local/bin"
      "/run/current-system/sw/bin"
      "/etc/profiles/per-user/${user}/bin"
      "${home}/.nix-profile/bin"
      "/usr/bin"
      "/bin"
      "/usr/sbin"
      "/sbin"
    ];
    description = "Folders where a tunnel finds ssh and limactl.";
  };

  limaHome = mkOption {
    type = absolute;
    default = "${home}/.lima";
    defaultText = lib.literalMD "`.lima` in the home folder";
    description = "Lima's folder of VMs.";
  };
}
