# NixOS, in the VM: everything here goes through the proxy and trusts its certificate authority.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.secret-proxy-client;

  proxy = "http://127.0.0.1:${toString cfg.port}";

  # NixOS joins the certificates of security.pki to what it ships, under this name.
  bundle = "/etc/ssl/certs/ca-certificates.crt";
  ours = "/etc/secret-proxy/ca.pem";
  trusted = cfg.caFile != null && builtins.pathExists cfg.caFile;

  # NixOS makes the lower-case variables of these, for sessions and the nix daemon.
  chosen = config.networking.proxy;

  # Those that `secret-proxy env` prints, with the same values.
  others = {
    HTTP_PROXY = toString chosen.httpProxy;
    HTTPS_PROXY = toString chosen.httpsProxy;
    NO_PROXY = toString chosen.noProxy;
    # Node looks at none of them otherwise.
    NODE_USE_ENV_PROXY = "1";

    SSL_CERT_FILE = bundle; # OpenSSL, Go, Python, Rust
    NIX_SSL_CERT_FILE = bundle; # Nix, and curl and OpenSSL of nixpkgs
    CURL_CA_BUNDLE = bundle;
    GIT_SSL_CAINFO = bundle;
    REQUESTS_CA_BUNDLE = bundle;
    PIP_CERT = bundle;
    AWS_CA_BUNDLE = bundle;
    CARGO_HTTP_CAINFO = bundle;
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH = bundle;
  }
  # These are added to what the program ships. A file that is not there would be a warning at each start.
  // lib.optionalAttrs trusted {
    NODE_EXTRA_CA_CERTS = ours;
    DENO_CERT = ours;
  };

  # What another module says about a variable is left alone.
  defaults = lib.mapAttrs (_: lib.mkDefault);
  restart = lib.optional trusted "${cfg.caFile}";

  sshd = config.services.openssh;
  forwarding = sshd.settings.AllowTcpForwarding or null;
in
{
  options.services.secret-proxy-client = {
    enable = lib.mkEnableOption "sending all requests through the secret-proxy on the host";

    port = lib.mkOption {
      type = lib.types.port;
      default = (builtins.fromJSON (builtins.readFile ./settings.json)).port;
      description = "Port of the proxy on 127.0.0.1, where the tunnel provides it.";
    };

    caFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = lib.literalExpression "./secret-proxy-ca.pem";
      description = ''
        What `secret-proxy ca export` prints on the host: the certificates to trust, and no key. It may be
        absent at first, with a warning. In a flake it has to be known to git.
      '';
    };

    noProxy = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [
        "localhost"
        "127.0.0.1"
        "::1"
        "host.lima.internal"
      ];
      description = "Hosts that are reached without the proxy.";
    };

    systemdServices = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [ "my-agent" ];
      description = "System services to send through the proxy too; they do not see the variables of sessions.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !sshd.enable || lib.elem forwarding [ null true "yes" "all" "remote" ];
        message = "services.secret-proxy-client: the tunnel needs services.openssh.settings.AllowTcpForwarding to be \"yes\" or \"remote\".";
      }
      {
        assertion = !sshd.enable || lib.elem (sshd.settings.GatewayPorts or "no") [ null false "no" ];
        message = "services.secret-proxy-client: services.openssh.settings.GatewayPorts would open the tunnel to the VM's network.";
      }
    ];

    warnings = lib.optional (!trusted) ''
      services.secret-proxy-client.caFile ${
        if cfg.caFile == null then "is not set" else "does not exist yet (${toString cfg.caFile})"
      }: HTTPS fails here until it names the proxy's certificate. On the host: secret-proxy ca export > secret-proxy-ca.pem
    '';

    networking.proxy = {
      httpProxy = lib.mkDefault proxy;
      httpsProxy = lib.mkDefault proxy;
      noProxy = lib.mkDefault (lib.concatStringsSep "," cfg.noProxy);
    };
    environment.sessionVariables = defaults others;

    security.pki.certificateFiles = lib.optional trusted cfg.caFile;
    environment.etc = lib.optionalAttrs trusted { "secret-proxy/ca.pem".source = cfg.caFile; };

    systemd.services = lib.mkMerge [
      (lib.genAttrs cfg.systemdServices (_: {
        environment = defaults (chosen.envVars // others);
        restartTriggers = restart;
      }))
      # networking.proxy gives the daemon its share; builds that fetch see the rest through it.
      (lib.mkIf config.nix.enable {
        nix-daemon = {
          environment = defaults others;
          restartTriggers = restart;
        };
      })
    ];

    # A tunnel whose other end has gone (sleep, a new Wi-Fi) gives its port free within a minute.
    services.openssh.settings = {
      ClientAliveInterval = lib.mkDefault 15;
      ClientAliveCountMax = lib.mkDefault 3;
    };
  };
}
