# Stands for PythonEDA's application: it brings the domain that it is given, and modules of other people.
{
  inputs.pythoneda-shared-pythonlang-domain.url = "github:pythoneda-shared-pythonlang-def/domain/0.0.131";
  outputs = { pythoneda-shared-pythonlang-domain, ... }:
    let
      domain = pythoneda-shared-pythonlang-domain.packages;
      packageFor = system:
        let package = pname: derivation { name = pname; inherit system; builder = "/bin/sh"; } // { inherit pname; };
        in package "pythoneda-shared-pythonlang-application" // {
          requiredPythonModules = [ domain.${system}.default ] ++ map package [ "dbus-next" "grpcio" "PyYAML" ];
        };
    in
    { packages = builtins.mapAttrs (system: _: { default = packageFor system; }) domain; };
}
