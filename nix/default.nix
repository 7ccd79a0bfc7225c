# Without flakes: `nix-build nix -A package`, and the modules to import.
{
  pkgs ? import <nixpkgs> { },
}:

{
  package = pkgs.callPackage ./package.nix { };
  darwinModule = ./darwin-module.nix;
  homeModule = ./home-module.nix;
  nixosModule = ./nixos-module.nix;
}
