//! A struct as the derive needs it: names, types, attributes; or the reason why it is no row, at its place.

use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Path, Result, Type, parse_quote};

/// What `#[derive(Row)]` stands on.
pub(crate) struct Input<'a> {
    pub(crate) name: &'a Ident,
    /// The crate that has the module `row`.
    pub(crate) root: Path,
    /// At least one, with names that differ.
    pub(crate) columns: Vec<Column<'a>>,
}

/// One field and its column.
pub(crate) struct Column<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
}

impl<'a> Input<'a> {
    pub(crate) fn parse(input: &'a DeriveInput) -> Result<Self> {
        if let Some(parameter) = input.generics.params.first() {
            let problem = "a row has no generic parameters: its columns are the same for every value of the type";
            return Err(Error::new_spanned(parameter, problem));
        }
        let mut columns: Vec<Column<'a>> = Vec::new();
        for field in fields(input)? {
            let column = Column::parse(field)?;
            if columns.iter().any(|other| other.name == column.name) {
                let problem = format!("two fields are the column `{}`", column.name);
                return Err(Error::new_spanned(column.field, problem));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            return Err(Error::new_spanned(&input.ident, "a row has at least one column: give the struct a field"));
        }
        Ok(Input { name: &input.ident, root: root(input)?, columns })
    }
}

impl<'a> Column<'a> {
    fn parse(field: &'a Field) -> Result<Self> {
        let ident = field.ident.as_ref().expect("named fields have names");
        let mut name = ident.unraw().to_string();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("rename") {
                    return Err(meta.error("a field of a row takes #[row(rename = \"column\")] and nothing else"));
                }
                name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        Ok(Column { field: ident, name, ty: &field.ty })
    }
}

/// The named fields, if that is what the type is made of.
fn fields(input: &DeriveInput) -> Result<impl Iterator<Item = &Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter()),
            Fields::Unnamed(fields) => {
                Err(Error::new_spanned(fields, "a row's columns go by its fields' names: name the fields"))
            }
            Fields::Unit => {
                Err(Error::new_spanned(&input.ident, "a row has at least one column: give the struct a field"))
            }
        },
        Data::Enum(data) => Err(Error::new(data.enum_token.span, "a row is a struct: an enum has no columns")),
        Data::Union(data) => Err(Error::new(data.union_token.span, "a row is a struct: a union has no columns")),
    }
}

/// The crate named by `#[row(crate = "path")]`, or `::purlin`.
fn root(input: &DeriveInput) -> Result<Path> {
    let mut root: Path = parse_quote!(::purlin);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("a row takes #[row(crate = \"path\")] and nothing else"));
            }
            root = meta.value()?.parse::<LitStr>()?.parse()?;
            Ok(())
        })?;
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    #[track_caller]
    fn check(item: &str, refusal: &str) {
        let input: DeriveInput = syn::parse_str(item).expect("an item");
        assert_eq!(Input::parse(&input).err().expect(item).to_string(), refusal);
    }

    #[test]
    fn what_is_no_row_is_refused_with_a_reason() {
        check("enum Color { Red }", "a row is a struct: an enum has no columns");
        check("union Bits { a: u8 }", "a row is a struct: a union has no columns");
        check("struct Pair(i64, i64);", "a row's columns go by its fields' names: name the fields");
        check("struct Unit;", "a row has at least one column: give the struct a field");
        check("struct Empty {}", "a row has at least one column: give the struct a field");
        let generic = "a row has no generic parameters: its columns are the same for every value of the type";
        check("struct Of<T> { value: T }", generic);
        check("struct Borrowed<'a> { page: &'a str }", generic);
    }

    #[test]
    fn attributes_that_are_not_known_are_refused() {
        let field = "a field of a row takes #[row(rename = \"column\")] and nothing else";
        check("struct A { #[row(name = \"x\")] a: i64 }", field);
        check("#[row(rename = \"x\")] struct A { a: i64 }", "a row takes #[row(crate = \"path\")] and nothing else");
        check("struct A { #[row(rename = 3)] a: i64 }", "expected string literal");
        check("struct A { a: i64, #[row(rename = \"a\")] b: i64 }", "two fields are the column `a`");
    }

    #[test]
    fn columns_are_called_after_fields_unless_renamed() {
        let input: DeriveInput = syn::parse_str(
            "struct A { r#type: i64, #[serde(rename = \"no\")] b: i64, #[row(rename = \"c c\")] c: i64 }",
        )
        .expect("an item");
        let input = Input::parse(&input).unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<&str> = input.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["type", "b", "c c"]);
        assert_eq!(input.root.to_token_stream().to_string(), ":: purlin");
    }
}
