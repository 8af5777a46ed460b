//! Disjoint sets of labels.

/// Disjoint sets of 0, 1, 2, ...; the smallest member of a set is its root.
#[derive(Debug, Default)]
pub(super) struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// Adds a set with one new member.
    pub(super) fn add(&mut self) -> u32 {
        let label = self.parent.len() as u32;
        self.parent.push(label);
        label
    }

    /// The root of a member, with path halving.
    pub(super) fn find(&mut self, mut label: u32) -> u32 {
        loop {
            let parent = self.parent[label as usize];
            if parent == label {
                return label;
            }
            let grandparent = self.parent[parent as usize];
            self.parent[label as usize] = grandparent;
            label = grandparent;
        }
    }

    /// Joins the sets of two members.
    pub(super) fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }

    /// The number of each member's set, with sets counted in the order of their roots, and the number of sets.
    pub(super) fn number(&mut self) -> (Vec<u32>, usize) {
        let mut numbers: Vec<u32> = Vec::with_capacity(self.parent.len());
        let mut count = 0;
        for label in 0..self.parent.len() as u32 {
            let root = self.find(label);
            if root == label {
                numbers.push(count);
                count += 1;
            } else {
                numbers.push(numbers[root as usize]);
            }
        }
        (numbers, count as usize)
    }
}
