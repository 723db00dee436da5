'use strict'

const { todos, answer } = require('./store')

exports.handler = async () => {
  console.log(`${process.env.GREETING} from list`)
  return answer(200, [...todos.values()])
}
