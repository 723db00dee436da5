# Stands for PythonEDA's events of infrastructure: they bring the domain that they are given.
{
  inputs.pythoneda-shared-pythonlang-domain.url = "github:pythoneda-shared-pythonlang-def/domain/0.0.131";
  outputs = { pythoneda-shared-pythonlang-domain, ... }:
    let
      packageFor = system: domain: derivation { name = "events"; inherit system; builder = "/bin/sh"; } // {
        pname = "pythoneda-shared-iac-events";
        requiredPythonModules = [ domain.default ];
      };
    in
    { packages = builtins.mapAttrs (system: domain: { default = packageFor system domain; }) pythoneda-shared-pythonlang-domain.packages; };
}
