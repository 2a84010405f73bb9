//! `#[derive(State)]`: names a struct's fields as the cells and timers that it is made of.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Path, Result, Type, parse_quote};

/// The `impl`, or why there is none.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let root = root(input)?;
    let support = quote!(#root::state::derive_support);
    let cells = cells(input)?;
    let fields: Vec<&Ident> = cells.iter().map(|(field, _)| *field).collect();
    let types: Vec<&Type> = cells.iter().map(|(_, ty)| *ty).collect();
    let names: Vec<String> = fields.iter().map(|field| field.unraw().to_string()).collect();
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #support::State for #name #type_generics #where_clause {
            fn declare(into: &mut #support::StatefulSpec) {
                #(<#types as #support::Cell>::declare(#names, into);)*
            }

            fn empty() -> Self {
                Self { #(#fields: ::std::default::Default::default()),* }
            }

            #[inline]
            fn visit<__Visit: #support::Visit>(
                &mut self,
                visit: &mut __Visit,
            ) -> ::std::result::Result<(), #support::BoxError> {
                #(#support::Visit::cell(visit, &mut self.#fields)?;)*
                ::std::result::Result::Ok(())
            }
        }
    })
}

/// The fields, at least one, and their types.
fn cells(input: &DeriveInput) -> Result<Vec<(&Ident, &Type)>> {
    let unnamed = "cells and timers go by their fields' names: name the fields";
    let none = "a state has at least one cell or timer: give the struct a field";
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => return Err(Error::new(data.enum_token.span, "a state is a struct: an enum has no cells")),
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span, "a state is a struct: a union has no cells"));
        }
    };
    let fields = match &data.fields {
        Fields::Named(fields) => &fields.named,
        Fields::Unnamed(fields) => return Err(Error::new_spanned(fields, unnamed)),
        Fields::Unit => return Err(Error::new_spanned(&input.ident, none)),
    };
    if let Some(attribute) = fields.iter().flat_map(|field| &field.attrs).find(|attribute| is_ours(attribute)) {
        let problem = "a field of a state takes no attribute: what it is stands in its type, a time to live as \
                       `Value<T, Expires<EventTime, { 5 * MINUTE }>>`";
        return Err(Error::new_spanned(attribute, problem));
    }
    if fields.is_empty() {
        return Err(Error::new_spanned(&input.ident, none));
    }
    Ok(fields.iter().filter_map(|field| Some((field.ident.as_ref()?, &field.ty))).collect())
}

fn is_ours(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("state")
}

/// The crate named by `#[state(crate = "path")]`, or `::purlin`.
fn root(input: &DeriveInput) -> Result<Path> {
    let mut root: Path = parse_quote!(::purlin);
    for attribute in input.attrs.iter().filter(|attribute| is_ours(attribute)) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("a state takes #[state(crate = \"path\")] and nothing else"));
            }
            root = meta.value()?.parse::<LitStr>()?.parse()?;
            Ok(())
        })?;
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(item: &str, refusal: &str) {
        let input: DeriveInput = syn::parse_str(item).expect("an item");
        assert_eq!(expand(&input).expect_err(item).to_string(), refusal);
    }

    #[test]
    fn what_is_no_state_is_refused_with_a_reason() {
        check("enum Color { Red }", "a state is a struct: an enum has no cells");
        check("union Bits { a: u8 }", "a state is a struct: a union has no cells");
        check("struct Pair(A, B);", "cells and timers go by their fields' names: name the fields");
        check("struct Unit;", "a state has at least one cell or timer: give the struct a field");
        check("struct Empty {}", "a state has at least one cell or timer: give the struct a field");
        check("#[state(name = \"x\")] struct A { a: B }", "a state takes #[state(crate = \"path\")] and nothing else");
    }

    #[test]
    fn a_time_to_live_is_part_of_the_type() {
        let input: DeriveInput = syn::parse_str("struct A { #[state(ttl = \"1h\")] a: B }").expect("an item");
        let refusal = expand(&input).expect_err("it is refused").to_string();
        assert!(refusal.contains("Value<T, Expires<EventTime, { 5 * MINUTE }>>"), "{refusal}");
    }

    #[test]
    fn generic_states_keep_their_parameters() {
        let input: DeriveInput = syn::parse_str("struct A<T> where T: Element { r#type: Value<T> }").expect("an item");
        let written = expand(&input).unwrap_or_else(|error| panic!("{error}")).to_string();
        assert!(written.contains("State for A < T > where T : Element"), "{written}");
        assert!(written.contains("declare (\"type\" , into)"), "{written}");
    }
}
