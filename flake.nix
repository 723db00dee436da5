{
  description = "semantest_iac: event-driven infrastructure for Semantest, one model, two clouds, a sandbox";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-utils.url = "github:numtide/flake-utils";
    # PythonEDA's definition repositories keep their own nixpkgs: they are written for the release that they pin.
    pythoneda-domain.url = "github:pythoneda-shared-pythonlang-def/domain";
    pythoneda-application = {
      url = "github:pythoneda-shared-pythonlang-def/application";
      inputs.pythoneda-shared-pythonlang-domain.follows = "pythoneda-domain";
    };
  };

  outputs = { nixpkgs, flake-utils, pythoneda-domain, pythoneda-application, ... }:
    flake-utils.lib.eachDefaultSystem (system:
      let
        pkgs = nixpkgs.legacyPackages.${system};
        # Python's packages come from requirements/ through make, here as everywhere.
        tools = [ pkgs.python312 pkgs.nodejs pkgs.go pkgs.gnumake pkgs.pulumi-bin ];
        pythoneda = map (flake: flake.packages.${system}.default) [ pythoneda-domain pythoneda-application ];
        withModules = package: [ package ] ++ package.requiredPythonModules;
      in {
        devShells = {
          default = pkgs.mkShell { packages = tools; };
          # `nix develop .#pythoneda`: the same, with PythonEDA to be found by its optional bridge.
          pythoneda = pkgs.mkShell {
            packages = tools;
            PYTHONPATH = pkgs.lib.makeSearchPath pkgs.python312.sitePackages (builtins.concatMap withModules pythoneda);
          };
        };
      });
}
