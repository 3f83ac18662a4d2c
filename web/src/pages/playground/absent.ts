// In the place of a package that @rjsf/core imports for its own tests alone.
export default {};
