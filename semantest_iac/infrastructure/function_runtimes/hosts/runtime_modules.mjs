// Resolves what Lambda's Node runtime brings (the AWS SDK), where a package does not hold it.

const BROUGHT = /^@(aws-sdk|smithy|aws-crypto)\//
let base

export function initialize(data) {
  base = data
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !BROUGHT.test(specifier)) throw error
    return next(specifier, { ...context, parentURL: base })
  }
}
