# Stands for PythonEDA's domain: a package that needs no other.
{
  outputs = _:
    let
      packageFor = system: derivation { name = "domain"; inherit system; builder = "/bin/sh"; } // {
        pname = "pythoneda-shared-pythonlang-domain";
        requiredPythonModules = [ ];
      };
    in
    {
      packages = builtins.listToAttrs (map
        (system: { name = system; value.default = packageFor system; }) [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ]);
    };
}
