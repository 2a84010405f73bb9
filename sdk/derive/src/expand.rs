//! The `impl Row` for a struct.
//!
//! What is written is what one would write by hand (see the example at `Row`): every question about a column is asked
//! by a function of the model before the loop, so the code here stays small however many fields there are. All
//! names go through `derive_support`, because the user's crate may depend on none of the crates behind it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Type;

use crate::input::Input;

/// Writes the `impl`.
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let Input { name, root, columns } = input;
    let support = quote!(#root::row::derive_support);
    let column_names: Vec<&String> = columns.iter().map(|column| &column.name).collect();
    let fields: Vec<&Ident> = columns.iter().map(|column| column.field).collect();
    let types: Vec<&Type> = columns.iter().map(|column| column.ty).collect();
    let arrays: Vec<Ident> = (0..columns.len()).map(|n| format_ident!("array_{n}")).collect();
    let views: Vec<Ident> = (0..columns.len()).map(|n| format_ident!("view_{n}")).collect();

    quote! {
        #[automatically_derived]
        impl #support::Row for #name {
            fn schema() -> #support::SchemaRef {
                static SCHEMA: ::std::sync::LazyLock<#support::SchemaRef> = ::std::sync::LazyLock::new(|| {
                    ::std::sync::Arc::new(#support::Schema::new(::std::vec![
                        #(#support::field::<#types>(#column_names)),*
                    ]))
                });
                ::std::sync::Arc::clone(&SCHEMA)
            }

            fn read_batch(
                batch: &#support::RecordBatch,
                out: &mut ::std::vec::Vec<Self>,
            ) -> ::std::result::Result<(), #support::RowError> {
                let rows = batch.num_rows();
                #(let #arrays = #support::read_column::<#types>(batch, #column_names)?;)*
                #(let #views = <#types as #support::Cell>::view(&#arrays, rows);)*
                #support::extend(out, rows, |row| Self {
                    #(#fields: <#types as #support::Cell>::get(&#views, row)),*
                });
                ::std::result::Result::Ok(())
            }

            fn write_batch(rows: &[Self]) -> ::std::result::Result<#support::RecordBatch, #support::RowError> {
                let columns = ::std::vec![
                    #(#support::write_column::<#types>(
                        #column_names,
                        ::std::iter::Iterator::map(rows.iter(), |row| &row.#fields),
                    )?),*
                ];
                ::std::result::Result::Ok(#support::RecordBatch::try_new(<Self as #support::Row>::schema(), columns)?)
            }
        }
    }
}
