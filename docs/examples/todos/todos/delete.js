'use strict'

const { todos, find, missing } = require('./store')

exports.handler = async (event) => {
  if (!find(event)) return missing
  todos.delete(event.pathParameters.id)
  return { statusCode: 204 }
}
