// rjsf's validator on @cfworker/json-schema, which interprets: the usual one compiles code, which the page's policy
// forbids.
import { Validator, type Schema } from '@cfworker/json-schema';
import {
  createErrorHandler, toErrorList, toErrorSchema, unwrapErrorHandler, validationDataMerge, type CustomValidator, type ErrorTransformer, type RJSFSchema, type RJSFValidationError,
  type UiSchema, type ValidationData, type ValidatorType,
} from '@rjsf/utils';

const draftOf = (schema: RJSFSchema) => (String(schema.$schema ?? '').includes('draft-07') ? '7' : '2020-12');

// "#/a/0/b" as rjsf names it: ".a.0.b".
const propertyOf = (location: string) => location.replace(/^#/, '').split('/').slice(1).map((part) => `.${decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')}`).join('');

function errorsOf(schema: RJSFSchema, data: unknown): RJSFValidationError[] {
  // What is left out of a form is undefined there, and absent in JSON.
  const instance = data === undefined ? {} : JSON.parse(JSON.stringify(data));
  const { errors } = new Validator(schema as Schema, draftOf(schema), false).validate(instance);
  return errors
    .filter(({ keyword }) => !['properties', 'items', '$ref', 'allOf'].includes(keyword))
    .map(({ keyword, instanceLocation, error }) => {
      const missing = keyword === 'required' ? /"([^"]+)"/.exec(error)?.[1] : undefined;
      const property = propertyOf(instanceLocation) + (missing ? `.${missing}` : '');
      return { name: keyword, property, message: missing ? 'is needed' : error, stack: `${property.slice(1)} ${missing ? 'is needed' : error}` };
    });
}

export const validator: ValidatorType = {
  validateFormData(data: unknown, schema: RJSFSchema, customValidate?: CustomValidator, transformErrors?: ErrorTransformer, uiSchema?: UiSchema): ValidationData<unknown> {
    let errors = errorsOf(schema, data);
    if (transformErrors) errors = transformErrors(errors, uiSchema);
    const found = { errors, errorSchema: toErrorSchema(errors) };
    if (!customValidate) return found;
    const handler = customValidate(data, createErrorHandler(data), uiSchema);
    const own = unwrapErrorHandler(handler);
    return validationDataMerge({ errors: [...errors, ...toErrorList(own)], errorSchema: found.errorSchema }, own);
  },
  isValid(schema: RJSFSchema, data: unknown, root: RJSFSchema): boolean {
    try {
      return errorsOf({ ...(root.$defs && { $defs: root.$defs }), ...schema } as RJSFSchema, data).length === 0;
    } catch {
      return false;
    }
  },
  rawValidation: (schema: RJSFSchema, data?: unknown) => ({ errors: errorsOf(schema, data) as never[] }),
};
