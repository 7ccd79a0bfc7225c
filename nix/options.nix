# Options of the proxy and its tunnels, shared by the nix-darwin and the home-manager module.
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

  # The program's settings; generated from its source, and compared with it by a test.
  program = builtins.fromJSON (builtins.readFile ./settings.json);

  # Unset means: the value of settings.env, else the program's default.
  setting =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };

  # The option of a setting, by its kind.
  optionOf =
    it:
    let
      default = lib.optionalString (it.default != null) " The program's default is `${it.default}`.";
      description = "${it.help}.${default}";
      typed = type: setting type description;
    in
    {
      boolean = typed types.bool;
      duration = typed (types.either types.ints.unsigned (types.strMatching "[0-9][0-9a-z ]*"));
      size = typed (types.either types.ints.positive types.str);
      number = typed (types.ints.between 1 it.max);
      numberOr = typed (types.either types.ints.positive (types.enum it.words));
      choice = typed (types.enum it.words);
      list = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ it.example ];
        inherit description;
      };
      file = typed types.path;
      text = typed types.str;
    }
    .${it.kind};

  settings = builtins.listToAttrs (map (it: lib.nameValuePair it.option (optionOf it)) program.settings);

  absolute = types.strMatching "/.*";
  instance = types.strMatching "[A-Za-z0-9][A-Za-z0-9._-]*";
in
settings
// {
  enable = lib.mkEnableOption "secret-proxy, which injects secrets into HTTP requests, each only for the hosts you allow";

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
    description = "Folder of secrets, settings, CA and logs; created with mode 0700.";
  };

  port = mkOption {
    type = types.port;
    default = program.port;
    description = "Port on 127.0.0.1, here and in the VMs.";
  };

  listen = mkOption {
    type = types.listOf types.str;
    default = lib.optionals (cfg.port != program.port) [
      "127.0.0.1:${toString cfg.port}"
      "unix:proxy.sock"
    ];
    defaultText = lib.literalMD "127.0.0.1 with `port`, and the socket `proxy.sock` in `dir`";
    example = [
      "127.0.0.1:18000"
      "unix:proxy.sock"
    ];
    description = "Addresses to listen on: ADDRESS:PORT or unix:PATH. Empty: the value of settings.env, else the program's default.";
  };

  secrets = setting types.str ''
    The secrets file, or the pipe that 1Password mounts; `secrets.env` in `dir` if unset. A string and never
    a Nix path, which would be copied into the store, where everybody may read it.
  '';

  socketActivation = mkOption {
    type = types.bool;
    default = false;
    description = "Let launchd or systemd hold the port and the socket, so that no other program can ever take them.";
  };

  stdoutPath = mkOption {
    type = absolute;
    default = "/dev/null";
    description = "File for the proxy's output under launchd; proxy.log holds the same and more.";
  };

  stderrPath = mkOption {
    type = absolute;
    default = "${cfg.dir}/proxy.err";
    defaultText = lib.literalMD "`proxy.err` in `dir`";
    description = "File for the proxy's errors under launchd, before its log is open.";
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
            description = "ssh configuration that reaches the VM.";
          };
          host = mkOption {
            type = types.str;
            description = "Host of the VM in that file.";
          };
        };
      }
    );
    default = { };
    example = {
      build.sshConfig = "/Users/me/.ssh/config";
      build.host = "build-vm";
    };
    description = "Other VMs to keep a tunnel into.";
  };

  tunnelMode = mkOption {
    type = types.enum [
      "dedicated"
      "shared"
    ];
    default = "dedicated";
    description = "ssh connection that carries the tunnel: one of its own, or Lima's control connection.";
  };

  tunnelTarget = mkOption {
    type = types.enum [
      "socket"
      "port"
    ];
    default = "socket";
    description = "End of the tunnel on this computer: the proxy's Unix socket, or its port.";
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
    description = "Folders that a tunnel searches for ssh and limactl.";
  };

  limaHome = mkOption {
    type = absolute;
    default = "${home}/.lima";
    defaultText = lib.literalMD "`.lima` in the home folder";
    description = "Lima's folder of VMs.";
  };
}
