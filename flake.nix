# At the root and not in nix/, because a flake sees nothing above its own folder when it is used as a path,
# and so that `nix run .` and `nix develop` work where people are. The modules in nix/ work without it.
#
# There is no flake.lock yet: the first `nix flake lock` writes one node, the revision and hash of nixpkgs.
{
  description = "An HTTP(S) proxy that injects secrets into HTTP requests, each only for the hosts you allow";

  # Rust 1.89 or later: nixos-25.11 is the first stable one that has it.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      each =
        make:
        lib.genAttrs [ "aarch64-darwin" "x86_64-darwin" "aarch64-linux" "x86_64-linux" ] (
          system: make nixpkgs.legacyPackages.${system}
        );
      package = pkgs: pkgs.callPackage ./nix/package.nix { };
    in
    {
      packages = each (pkgs: rec {
        default = secret-proxy;
        secret-proxy = package pkgs;
      });

      overlays.default = final: _: { secret-proxy = package final; };

      darwinModules.default = ./nix/darwin-module.nix;
      nixosModules.default = ./nix/nixos-module.nix;
      homeModules.default = ./nix/home-module.nix;

      checks = each (
        pkgs:
        {
          package = package pkgs;
          # The cases of tests/nix, with the real lib in place of the stand-in.
          modules = import ./tests/nix/check.nix { inherit pkgs; };
        }
        // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
          # The module for the VM, with all of the real NixOS around it.
          nixos-module = import ./tests/nix/nixos.nix { inherit nixpkgs pkgs; };
        }
      );

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.cargo
            pkgs.cargo-deny
            pkgs.clippy
            pkgs.curl
            pkgs.git
            pkgs.just
            pkgs.nodejs
            pkgs.python3
            pkgs.rustc
            pkgs.rustfmt
          ];
        };
      });
    };
}
