//! What is answered to whoever asks: the pages, their JSON twins under `/api/v1` and the commands show these shapes and
//! nothing else. Made from a world (and the store's history); knows neither HTML nor terminals.

pub mod collectors;
pub mod days;
pub mod deliveries;
pub mod explanation;
pub mod filter;
pub mod pipelines;
mod reasons;
pub mod shapes;
pub mod tokens;
mod told;

#[cfg(test)]
mod sample;
