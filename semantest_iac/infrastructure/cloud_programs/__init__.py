"""The Pulumi programs: one folder per cloud with the same module names, one function per neutral resource kind.

The only importer of the clouds' Pulumi SDKs. The catalogues import none of them: what a cloud lacks is asked for
where nothing is deployed."""
