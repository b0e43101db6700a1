//! What a template may contain. Checked on its parsed form when it is loaded, before it is ever rendered.
//!
//! Allowed are text, comments, `{{value}}`, the listed helpers, `if`, `unless` and `each`, and partials whose name is
//! written out and lies in a `partials` folder. Refused is all that could write a value without its sink or choose
//! code by data: triple braces, `&`, raw blocks, decorators and inline partials, partial blocks, dynamic names
//! (`reliability-security.md` T12).

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, Template};

/// Blocks a template may open.
pub const BLOCKS: [&str; 3] = ["if", "unless", "each"];

/// Helpers that give a value; the engine's own comparisons and ours.
pub const HELPERS: [&str; 20] = [
    "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", "date", "time", "plural",
    "percent", "rating", "pad", "padl", "cut", "days", "web_url",
];

/// Only where the output is plain text.
pub const TEXT_HELPERS: [&str; 1] = ["wrap"];

/// The engine's helpers that we do not offer; a bare `{{log}}` would call one.
const WITHHELD: [&str; 4] = ["raw", "log", "lookup", "with"];

/// A template that is not loaded, and why.
#[derive(Debug, thiserror::Error)]
#[error("template {name}: {cause}; templates/README.md lists what they may contain")]
pub struct Refused {
    pub name: String,
    pub cause: String,
}

/// Parses a template and refuses what it may not contain.
pub fn check(name: &str, source: &str) -> Result<Template, Refused> {
    let refused = |cause: String| Refused {
        name: name.to_owned(),
        cause,
    };
    if source.contains("{{{{") {
        return Err(refused("raw blocks are not allowed".to_owned()));
    }
    let template = Template::compile_with_name(source, name.to_owned())
        .map_err(|error| refused(format!("it does not parse: {error}")))?;
    walk(&template).map_err(refused)?;
    Ok(template)
}

fn walk(template: &Template) -> Result<(), String> {
    template.elements.iter().try_for_each(element)
}

fn element(element: &TemplateElement) -> Result<(), String> {
    match element {
        TemplateElement::RawString(_) | TemplateElement::Comment(_) => Ok(()),
        TemplateElement::Expression(expression) => value(expression),
        TemplateElement::HelperBlock(block) => helper_block(block),
        TemplateElement::PartialExpression(partial) => named_partial(partial),
        TemplateElement::HtmlExpression(_) => {
            Err("triple braces and & write a value without escaping it; write {{value}}".to_owned())
        }
        TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
            Err("decorators and inline partials are not allowed".to_owned())
        }
        TemplateElement::PartialBlock(_) => Err("partial blocks are not allowed".to_owned()),
        // What a later engine adds is refused until it is looked at.
        _ => Err("it uses something that is not allowed".to_owned()),
    }
}

fn value(expression: &HelperTemplate) -> Result<(), String> {
    let name = written_name(&expression.name).ok_or("a helper's name must be written out")?;
    let called = !expression.params.is_empty() || !expression.hash.is_empty();
    if called && !HELPERS.contains(&name) && !TEXT_HELPERS.contains(&name) {
        return Err(format!(
            "{name} is no helper; there are {}",
            HELPERS.join(", ")
        ));
    }
    if !called && (WITHHELD.contains(&name) || BLOCKS.contains(&name)) {
        return Err(format!("{name} cannot be written as a value"));
    }
    arguments(expression)
}

fn helper_block(block: &HelperTemplate) -> Result<(), String> {
    let name = written_name(&block.name).ok_or("a block's name must be written out")?;
    if !BLOCKS.contains(&name) {
        return Err(format!(
            "{name} is no block; there are {}",
            BLOCKS.join(", ")
        ));
    }
    arguments(block)?;
    block
        .template
        .iter()
        .chain(block.inverse.iter())
        .try_for_each(walk)
}

fn arguments(expression: &HelperTemplate) -> Result<(), String> {
    expression
        .params
        .iter()
        .chain(expression.hash.values())
        .try_for_each(|parameter| match parameter {
            Parameter::Subexpression(inner) => element(&inner.element),
            Parameter::Name(_) | Parameter::Path(_) | Parameter::Literal(_) => Ok(()),
            _ => Err("an argument is of a kind that is not allowed".to_owned()),
        })
}

fn named_partial(partial: &DecoratorTemplate) -> Result<(), String> {
    let name = written_name(&partial.name).ok_or("a partial's name must be written out")?;
    if !name.split('/').any(|part| part == "partials") || name.contains("..") {
        return Err(format!(
            "{name} is no partial; partials lie in a folder named partials"
        ));
    }
    if !partial.params.is_empty() || !partial.hash.is_empty() {
        return Err(format!("partial {name} takes no arguments"));
    }
    Ok(())
}

fn written_name(name: &Parameter) -> Option<&str> {
    match name {
        Parameter::Name(name) => Some(name),
        Parameter::Path(Path::Relative((_, raw)) | Path::Local((_, _, raw))) => Some(raw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_write_unescaped_or_choose_code_by_data_is_refused() {
        for source in [
            "{{{value}}}",
            "{{~{value}~}}",
            "{{& value}}",
            "{{&value}}",
            "{{#if a}}{{{b}}}{{/if}}",
            "{{#each a}}x{{else}}{{{b}}}{{/each}}",
            "{{#if a}}x{{else if b}}{{{c}}}{{/if}}",
            "{{{{raw}}}}{{x}}{{{{/raw}}}}",
            "{{{{if a}}}}x{{{{/if}}}}",
            "{{#*inline \"x\"}}y{{/inline}}",
            "{{*inline \"x\"}}",
            "{{> (lookup . \"name\")}}",
            "{{> (name)}}",
            "{{#> partials/x}}y{{/partials/x}}",
            "{{> @partial-block}}",
            "{{> reports/poam/body}}",
            "{{> partials/../secret}}",
            "{{> partials/x this}}",
            "{{> partials/x a=b}}",
            "{{lookup this name}}",
            "{{log \"x\"}}",
            "{{log}}",
            "{{raw}}",
            "{{#with a}}x{{/with}}",
            "{{#raw}}x{{/raw}}",
            "{{#lookup a b}}x{{/lookup}}",
            "{{nosuchhelper a}}",
            "{{cut (lookup a b) 3}}",
            "{{cut a (raw b)}}",
            "{{#if (log a)}}x{{/if}}",
            "{{#custom a}}x{{/custom}}",
            "{{(name)}}",
            "{{#each}",
            "{{unclosed",
        ] {
            assert!(check("t", source).is_err(), "{source}");
        }
    }

    #[test]
    fn what_templates_need_is_allowed() {
        for source in [
            "plain",
            "{{value}} {{a.b}} {{this}} {{@index}} {{../up}}",
            "{{#if a}}x{{else if (eq b 1)}}y{{else}}z{{/if}}",
            "{{#each list}}{{name}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}",
            "{{plural n \"record\" \"records\"}} {{cut (rating r) 5}}",
            "{{> tickets/partials/body}}",
            "{{!-- a comment --}}",
        ] {
            check("t", source).unwrap();
        }
    }
}
