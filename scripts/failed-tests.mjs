// A reporter for vitest: says last of all, one line each, what failed. Who sees only the end of a long log sees that.

export default class FailedTests {
  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<{ message: string }>} unhandled  errors outside of any test
   */
  onTestRunEnd(modules, unhandled) {
    const failed = (name, errors) => console.error(`FAILED ${name}: ${errors.map(({ message }) => message.split('\n', 1)[0]).join('; ')}`);
    for (const module of modules) {
      if (module.errors().length) failed(module.relativeModuleId, module.errors());
      for (const suite of module.children.allSuites()) if (suite.errors().length) failed(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors());
      for (const test of module.children.allTests('failed')) failed(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors);
    }
    if (unhandled.length) failed('outside of the tests', unhandled);
  }
}
