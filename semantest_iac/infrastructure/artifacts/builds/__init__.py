"""Makes what is packaged out of a source that is not ready: runs its own build, or bundles TypeScript with esbuild.

Both work on private folders; which files of the result are packaged is decided by the recipes.
"""
