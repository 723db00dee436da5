'use strict'

const { answer, find, missing } = require('./store')

exports.handler = async (event) => {
  const todo = find(event)
  return todo ? answer(200, Object.assign(todo, JSON.parse(event.body))) : missing
}
